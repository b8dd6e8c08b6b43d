"""What makes the site of the documents."""
