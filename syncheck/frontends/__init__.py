"""Front ends: each turns the text of one input into a Program and the Problems met on the way."""
