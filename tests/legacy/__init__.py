"""Files of the old Kerases: what they say, and that what they mean is what was computed then."""
