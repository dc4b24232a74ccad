"""The shapes on the wire: what comes in is checked here, what goes out is made here."""
