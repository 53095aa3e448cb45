"""What a group is handed over beside its contract: pages that everybody in the chat can understand."""
