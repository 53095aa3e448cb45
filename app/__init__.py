"""What people touch: command line, settings, reports."""
