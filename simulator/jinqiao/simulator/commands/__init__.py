"""What the cloud may ask of a simulated vehicle: every command has a physical effect or is refused with a code.

`table` says what there is, with names, inputs and refusals; `charging`, `climate`, `body` and `diagnostics` do it;
`execute` is the door; `page` writes docs/commands.md from the table.
"""
