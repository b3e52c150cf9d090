/** A plain database of another program, as every kind of server can hold it, is adopted and then used. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { adoptIn, definitionsIn, madeBy } from "./support/adopted.ts";
import { run } from "./support/commands.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { copyOfProject } from "./support/project.ts";

const SCRIPT = `
CREATE TABLE customers (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(190) NOT NULL UNIQUE, born DATE,
  kind ENUM('new','old') NOT NULL DEFAULT 'new', made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  seen DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), note VARCHAR(30) DEFAULT 'CURRENT_TIMESTAMP');
CREATE TABLE orders (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, total DECIMAL(12,2) NOT NULL,
  CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id));
CREATE TABLE pieces (order_id BIGINT UNSIGNED NOT NULL, place SMALLINT NOT NULL, what TEXT, PRIMARY KEY (order_id, place),
  CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE);
INSERT INTO customers (id, email) VALUES (1, 'a@shop.example');
INSERT INTO orders VALUES (1, 1, 12.50);
INSERT INTO pieces VALUES (1, 1, 'lamp');
`;

const url = freshUrl();
const connection = await madeBy(url, SCRIPT);
afterAll(async () => {
  await connection.end();
  await dropDatabase(url);
  await removeFolders();
});

test("a shop's tables are adopted unchanged, take a file, and are backed up and restored", async () => {
  const { folder } = await copyOfProject();
  const before = await definitionsIn(connection);
  const adopted = await adoptIn(folder, url, "--yes");
  expect([adopted.code, adopted.stdout]).toEqual([
    0,
    expect.stringContaining("3 tables can be moved: customers, orders, pieces"),
  ]);
  expect(await definitionsIn(connection)).toMatchObject(before);

  const csv = await folderOf({
    "customers.csv":
      "id,email,born,kind\n2,b@shop.example,2000-02-29,old\n3,A@shop.example,,new\n4,d@shop.example,,gone\n",
    "orders.csv": "id,customer,total\n2,2,7.5\n3,9,1\n",
  });
  const environment = { DATABASE_URL: url, BACKUP_STORE: join(csv, "backups") };
  const command = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(
      [`scripts/${words[0]}.ts`, ...words.slice(1), "--json"],
      environment,
      folder,
    );
    expect([words, code, stderr]).toEqual([words, 0, expect.any(String)]);
    return JSON.parse(stdout);
  };
  expect((await command("import", csv)).tables).toMatchObject({
    customers: { received: 3, inserted: 1, rejected: 2 },
    orders: { received: 2, inserted: 1, rejected: 1 },
  });
  const [made] = await connection.query("SELECT made, seen, note FROM customers WHERE id = 2");
  expect(made).toMatchObject([{ made: expect.anything(), seen: expect.anything(), note: "CURRENT_TIMESTAMP" }]);
  await command("backup");
  await connection.query("DELETE FROM orders");
  expect((await command("restore", "orders", "pieces")).tables).toMatchObject({
    orders: { inserted: 2 },
    pieces: { inserted: 1 },
  });
}, 600_000);
