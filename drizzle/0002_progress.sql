ALTER TABLE `runs` ADD `progress` longtext;--> statement-breakpoint
ALTER TABLE `runs` ADD `cancel_asked_at` datetime(3);