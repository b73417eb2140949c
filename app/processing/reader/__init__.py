"""From files as they come to records: opened, decoded, laid out."""
