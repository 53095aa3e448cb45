"""Language models as proposers: what they are told, what they are paid, and what of their replies is believed."""
