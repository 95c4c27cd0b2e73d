"""References that outlive MXNet."""
