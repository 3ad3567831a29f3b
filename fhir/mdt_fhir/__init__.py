"""Reading the record and writing mCODE resources."""
