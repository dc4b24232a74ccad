"""All input and output: Postgres, SQS, DynamoDB, API Gateway. Driver errors are translated to the engine's here."""
