"""Array operations with derivatives: traced, compiled, differentiated. Nothing here knows of spreadsheets."""
