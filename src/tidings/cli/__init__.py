"""What an operator types. Each command reads the settings, asks `wiring` for what it needs, calls it and shows the result; no
rule of the product lives here. Imports of the server happen inside the commands, so that `tidings version` is quick."""
