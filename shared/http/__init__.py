"""HTTP 礼仪 Manners that all services share: problems, idempotency, If-Match, cursors, events, the client."""
