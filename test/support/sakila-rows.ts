/** A few dozen made-up rows for each table of sakila.sql. */

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const csv = (header: string, rows: readonly (readonly (string | number)[])[]) =>
  `${[header, ...rows.map((row) => row.join(","))].join("\n")}\n`;
const STAMP = "2026-02-15 04:34:33Z";

const NAMES = ["Ana", "Bo", "Chloë", "Dmitri", "Eve", "Farid", "Görkem"];
const nameOf = (place: number) => NAMES[place % NAMES.length] ?? "";

/** The files of tables that refer to no table which is left out. */
export const FIRST_FILES: Record<string, string> = {
  "country.csv": csv(
    "country_id,country,last_update",
    numbers(12).map((id) => [id, `Country ${id}`, STAMP]),
  ),
  "city.csv": csv(
    "city_id,city,country_id,last_update",
    numbers(30).map((id) => [id, `City ${id}`, 1 + (id % 12), STAMP]),
  ),
  "category.csv": csv(
    "category_id,name",
    numbers(16).map((id) => [id, `Kind ${id}`]),
  ),
  "language.csv": csv(
    "language_id,name,last_update",
    numbers(6).map((id) => [id, `Language ${id}`, STAMP]),
  ),
  "actor.csv": csv(
    "actor_id,first_name,last_name,last_update",
    numbers(40).map((id) => [id, nameOf(id), `Actor ${id}`, STAMP]),
  ),
  "film.csv": csv(
    "film_id,title,description,release_year,language_id,original_language_id,rental_duration,rental_rate,length,replacement_cost,rating,special_features,last_update",
    numbers(36).map((id) => [
      ...[id, `FILM ${id}`, id % 5 === 0 ? "" : `"A tale of ""${id}"", and more"`, 1990 + id, 1 + (id % 6)],
      ...[
        id % 7 === 0 ? 2 : "",
        3 + (id % 4),
        "2.99",
        60 + id,
        "19.99",
        ["G", "PG", "PG-13", "R", "NC-17"][id % 5] ?? "",
      ],
      ...[id % 3 === 0 ? '"Trailers,Deleted Scenes"' : id % 3 === 1 ? "Commentaries" : "", STAMP],
    ]),
  ),
  "film_actor.csv": csv(
    "actor_id,film_id,last_update",
    numbers(72).map((place) => [1 + (place % 40), 1 + (place % 36), STAMP]),
  ),
  "film_category.csv": csv(
    "film_id,category_id,last_update",
    numbers(36).map((id) => [id, 1 + (id % 16), STAMP]),
  ),
};

/** Rows of the tables that are left out, which other programs write. */
export const LEFT_OUT = `
SET foreign_key_checks = 0;
INSERT INTO address (address_id, address, district, city_id, phone, location) VALUES
  (1, '1 Road', 'North', 1, '', ST_GeomFromText('POINT(1 2)')), (2, '2 Road', '', 2, '5', ST_GeomFromText('POINT(3 4)'));
INSERT INTO store (store_id, manager_staff_id, address_id) VALUES (1, 1, 1), (2, 2, 2);
INSERT INTO staff (staff_id, first_name, last_name, address_id, store_id, username) VALUES
  (1, 'Mo', 'Ant', 1, 1, 'mo'), (2, 'Jo', 'Bee', 2, 2, 'jo');
SET foreign_key_checks = 1;
`;

/** The files of tables that refer to them. */
export const LAST_FILES: Record<string, string> = {
  "customer.csv": csv(
    "customer_id,store_id,first_name,last_name,email,address_id,active,create_date,last_update",
    numbers(24).map((id) => [
      ...[id, 1 + (id % 2), nameOf(id), `Customer ${id}`, id % 4 === 0 ? "" : `c${id}@example.org`, 1 + (id % 2)],
      ...[Number(id % 5 !== 0), "2025-12-01 22:04:36Z", STAMP],
    ]),
  ),
  "inventory.csv": csv(
    "inventory_id,film_id,store_id,last_update",
    numbers(60).map((id) => [id, 1 + (id % 36), 1 + (id % 2), STAMP]),
  ),
  "rental.csv": csv(
    "rental_id,rental_date,inventory_id,customer_id,return_date,staff_id,last_update",
    numbers(50).map((id) => [
      ...[id, `2026-01-${10 + (id % 20)} 10:00:0${id % 10}Z`, id, 1 + (id % 24)],
      ...[id % 6 === 0 ? "" : "2026-02-01 12:00:00Z", 1 + (id % 2), STAMP],
    ]),
  ),
  "payment.csv": csv(
    "payment_id,customer_id,staff_id,rental_id,amount,payment_date,last_update",
    numbers(50).map((id) => [
      ...[id, 1 + (id % 24), 1 + (id % 2), id % 9 === 0 ? "" : id, `${id % 10}.99`, "2026-02-02 08:00:00Z", STAMP],
    ]),
  ),
};
