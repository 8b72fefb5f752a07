"""A WebSocket chat: rooms and history on DynamoDB, delivery between instances over Redis."""
