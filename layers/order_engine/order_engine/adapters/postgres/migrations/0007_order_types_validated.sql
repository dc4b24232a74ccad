-- Reads the whole table, while orders are placed and executed.
ALTER TABLE orders VALIDATE CONSTRAINT known_status, VALIDATE CONSTRAINT positive_price;
