"""History in: what traders wanted and what they got, from files, checked and kept with nothing lost."""
