"""What every page is put together from: sections of tables, notes and drawings, templates, look."""
