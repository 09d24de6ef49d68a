"""Single lesions on the report's page, and what moves scores."""
