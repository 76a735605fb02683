"""What tests share: networks, fits, commands, folders of data sets."""
