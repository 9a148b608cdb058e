"""Raw data: what makes Alink of a product's own bytes, by a layout or by a script in a process of its own."""
