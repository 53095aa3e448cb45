"""The commands, one module each: options in, a result or an error out."""
