"""What two layers or more need: labels, images, files, digests."""
