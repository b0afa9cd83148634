"""Ingest: uploads in Oxford's layout become one folder a pet, and a reason for all that cannot."""
