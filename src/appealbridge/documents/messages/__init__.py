"""Messages about mistakes in documents."""
