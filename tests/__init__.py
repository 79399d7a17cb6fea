"""The tests; a package, so that folders named after frameworks cannot shadow them."""
