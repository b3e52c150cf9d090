CREATE TABLE `muster_files` (
	`file` char(64) NOT NULL,
	`run` char(36) NOT NULL,
	`table` varchar(64) NOT NULL,
	`name` varchar(4096) NOT NULL,
	`name_in_source` varchar(700) NOT NULL,
	`bytes` bigint NOT NULL,
	`digest` varchar(255) NOT NULL,
	`imported_at` datetime(3),
	CONSTRAINT `muster_files_file_run_pk` PRIMARY KEY(`file`,`run`)
);
--> statement-breakpoint
ALTER TABLE `muster_rejections` ADD `recipe` longtext;--> statement-breakpoint
CREATE INDEX `files_run` ON `muster_files` (`run`,`table`);