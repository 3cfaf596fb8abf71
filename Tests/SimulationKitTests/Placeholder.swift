// Built by its room.
