"""What turns the outside into events: one file each, through the plug-in door only."""
