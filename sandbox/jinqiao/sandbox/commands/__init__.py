"""The subcommands of `jinqiao`, one file each."""
