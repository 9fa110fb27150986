"""Ground floor: one outside thing per file. Reports by callback, knows no service."""
