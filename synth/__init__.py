"""From a history to mechanisms that nobody wrote, and from a chat to a pact."""
