-- What a submit must know of the kinds: where their tasks go, and what their payloads look like.
SELECT kind, queue, payload_schema::text FROM pgq.kinds
