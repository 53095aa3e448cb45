"""A language model as a second reader: asked where the user says so, believed where the chat says so."""
