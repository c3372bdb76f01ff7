"""Files of people -> leads and rejects."""
