-- What a NOTIFY is sent for when nothing else is done.
CREATE TABLE bare_rows (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), kind text)
