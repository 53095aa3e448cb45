"""From a chat to the terms of a pact that its people agreed on."""
