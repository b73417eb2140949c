"""From the customer's headings to fields; personal data found."""
