-- The bank's tables. Every statement may run again.
-- A transfer is two ledger entries that sum to 0; a balance is the sum of its account's entries.

CREATE TABLE IF NOT EXISTS customers (
    customer_id   text PRIMARY KEY,
    name_ko       text NOT NULL,
    name_en       text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Accounts of kind 'internal' are the bank's own: the other side of opening deposits.
CREATE TABLE IF NOT EXISTS accounts (
    account_id  text PRIMARY KEY,
    customer_id text REFERENCES customers,
    kind        text NOT NULL CHECK (kind IN ('checking', 'savings', 'internal')),
    balance     bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT owned_unless_internal CHECK ((customer_id IS NULL) = (kind = 'internal')),
    CONSTRAINT no_overdraft CHECK (balance >= 0 OR kind = 'internal')
);
CREATE INDEX IF NOT EXISTS accounts_by_customer ON accounts (customer_id);

CREATE TABLE IF NOT EXISTS transfers (
    transfer_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key text NOT NULL,
    customer_id     text REFERENCES customers,
    from_account    text NOT NULL REFERENCES accounts,
    to_account      text NOT NULL REFERENCES accounts,
    amount          bigint NOT NULL CHECK (amount > 0),
    memo            text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_transfer_a_key UNIQUE (idempotency_key),
    CONSTRAINT two_accounts CHECK (from_account <> to_account)
);

CREATE TABLE IF NOT EXISTS entries (
    entry_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id   bigint NOT NULL REFERENCES transfers,
    account_id    text NOT NULL REFERENCES accounts,
    amount        bigint NOT NULL CHECK (amount <> 0),
    balance_after bigint NOT NULL,
    CONSTRAINT one_entry_a_side UNIQUE (transfer_id, account_id)
);
CREATE INDEX IF NOT EXISTS entries_by_account ON entries (account_id, entry_id);

-- What clients say they were answered with success; held against transfers by the integrity check.
CREATE TABLE IF NOT EXISTS receipts (
    idempotency_key text PRIMARY KEY,
    customer_id     text NOT NULL REFERENCES customers,
    received_at     timestamptz NOT NULL DEFAULT now()
);
