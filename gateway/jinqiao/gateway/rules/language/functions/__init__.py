"""The functions of the language: `row` says what one is, `numbers`, `texts` and `about` hold them, `table` all."""
