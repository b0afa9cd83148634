"""Survey: count and show what ingest and transform made of the uploads, for people."""
