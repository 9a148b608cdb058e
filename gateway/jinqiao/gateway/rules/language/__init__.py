"""The rules engine's SQL: `SELECT … FROM "/pk/+/…" WHERE …`, on one message or on the columns of a simulated fleet.

`grammar` → `reading` (lark) → `building` (checked) → `tree` (plain values, which print as SQL) → `compiling` (closures
over one message), and `hits` with `columns` and `arrays` (NumPy over a batch). All of it agrees on
the arithmetic of `values`:

- numbers are doubles; a result that is whole and exact in a double is an integer, one that is not finite is null;
- a path that leads nowhere is null, and so is whatever is computed from null or from a value of the wrong type;
- a condition is true or false, never null: a comparison with null is false, `<>` included, and whatever is not `true`
  counts as false;
- nothing is converted: a number never equals a text.

So both evaluations are total functions. `columns` computes only what comes out bit for bit as `compiling` has it, and
leaves the rest, row by row, to `compiling`; a property test compares the two. Length, depth, fields and the size of
every text are bounded (`limits`), so a statement costs at most so much whatever a message holds.

Nothing here knows the platform. Only `reading` and `building` import lark, and the first statement that is parsed
imports them.
"""
