"""SQLModel tables and the store of clinical records."""
