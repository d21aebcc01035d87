"""Text that attacks pages, terminals and files."""

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"'\x00\ud800</style></svg>]]>"
