"""A small bank: the WAS (`bank.was`) keeps the ledger, the web (`bank.web`) faces customers."""
