CREATE TABLE `muster_files` (
	`id` char(64) NOT NULL,
	`table` varchar(64) NOT NULL,
	`name` varchar(1400) NOT NULL,
	`bytes` bigint NOT NULL,
	`digest` varchar(255) NOT NULL,
	`run` char(36) NOT NULL,
	`created_at` datetime(3) NOT NULL,
	CONSTRAINT `muster_files_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
ALTER TABLE `muster_rejections` ADD `recipe` longtext;--> statement-breakpoint
CREATE INDEX `files_run` ON `muster_files` (`run`);