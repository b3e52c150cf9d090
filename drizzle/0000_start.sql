CREATE TABLE `departments` (
	`id` int AUTO_INCREMENT NOT NULL,
	`department` varchar(255) NOT NULL,
	CONSTRAINT `departments_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `hired_employees` (
	`id` int AUTO_INCREMENT NOT NULL,
	`name` varchar(255) NOT NULL,
	`datetime` datetime(3) NOT NULL,
	`department_id` int NOT NULL,
	`job_id` int NOT NULL,
	CONSTRAINT `hired_employees_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` int AUTO_INCREMENT NOT NULL,
	`job` varchar(255) NOT NULL,
	CONSTRAINT `jobs_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `gates` (
	`table` varchar(64) NOT NULL,
	CONSTRAINT `gates_table` PRIMARY KEY(`table`)
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`key` char(64) NOT NULL,
	`request` char(64) NOT NULL,
	`answer` longtext NOT NULL,
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `idempotency_keys_key` PRIMARY KEY(`key`)
);
--> statement-breakpoint
CREATE TABLE `rejections` (
	`id` bigint AUTO_INCREMENT NOT NULL,
	`run` char(36) NOT NULL,
	`table` varchar(64) NOT NULL,
	`file` varchar(700),
	`position` bigint NOT NULL,
	`raw` mediumblob NOT NULL,
	`columns` longtext,
	`reasons` longtext NOT NULL,
	`state` varchar(16) NOT NULL,
	`replaces` bigint,
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `rejections_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `runs` (
	`id` char(36) NOT NULL,
	`kind` varchar(16) NOT NULL,
	`source` varchar(700),
	`status` varchar(16) NOT NULL,
	`counts` longtext NOT NULL,
	`error` varchar(2000),
	`owner` varchar(255) NOT NULL,
	`started_at` datetime(3) NOT NULL,
	`finished_at` datetime(3),
	CONSTRAINT `runs_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `hired_employees` ADD CONSTRAINT `hired_employees_department_id_departments_id_fk` FOREIGN KEY (`department_id`) REFERENCES `departments`(`id`) ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `hired_employees` ADD CONSTRAINT `hired_employees_job_id_jobs_id_fk` FOREIGN KEY (`job_id`) REFERENCES `jobs`(`id`) ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX `hired_employees_report` ON `hired_employees` (`department_id`,`datetime`,`job_id`);--> statement-breakpoint
CREATE INDEX `hired_employees_job` ON `hired_employees` (`job_id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_age` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE INDEX `rejections_run` ON `rejections` (`run`,`table`);--> statement-breakpoint
CREATE INDEX `rejections_state` ON `rejections` (`state`);--> statement-breakpoint
CREATE INDEX `runs_status` ON `runs` (`status`);--> statement-breakpoint
CREATE INDEX `runs_source` ON `runs` (`kind`,`source`);