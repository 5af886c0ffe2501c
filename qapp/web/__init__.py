"""What all sections of the site share."""
