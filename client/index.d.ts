/**
 * A typed client for other programs. `bun run generate` makes client/ from it, which package.json exports as `muster/client`.
 * @example
 * const muster = client("http://127.0.0.1:3000", { headers: { Authorization: "Bearer TOKEN" } });
 * const answer = await muster.departments.$get({ query: { limit: 10 } });
 * if (answer.ok) for (const { id, department } of await answer.json()) console.log(id, department);
 * else console.error((await answer.json()).detail);
 * await muster.imports.$post({ query: { table: "jobs" }, body: Bun.file("jobs.csv"), type: "text/csv" });
 */
import { type ClientRequestOptions } from "hono/client";
/** @param url the URL of the service, with its path if it has one */
export declare function client(url: string, options?: ClientRequestOptions): {
    backups: {
        ":id": import("hono/client").ClientRequest<string, "/backups/:id", {
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: string;
                    created_at: string;
                    server: string;
                    tables: {
                        table: string;
                        file: string;
                        rows: number;
                        bytes: number;
                        sha256: string;
                        schema: {
                            type: "record";
                            name: string;
                            doc?: string;
                            aliases?: string[];
                            fields: {
                                name: string;
                                type: unknown;
                                doc?: string;
                                aliases?: string[];
                                default?: unknown;
                            }[];
                        };
                        fingerprint: string;
                        checksum: string;
                        auto_increment?: string | number | undefined;
                        invalid_rows?: number | undefined;
                    }[];
                    seal?: string | undefined;
                    proof?: {
                        proved_at: string;
                        seconds: number;
                    } | undefined;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    backups: {
        ":id": {
            ":file": import("hono/client").ClientRequest<string, "/backups/:id/:file", {
                $get: {
                    input: {
                        param: {
                            id: Loose<string>;
                            file: Loose<string>;
                        };
                    };
                    output: {};
                    outputFormat: "json";
                    status: import("hono/utils/http-status").StatusCode;
                } | {
                    input: {
                        param: {
                            id: Loose<string>;
                            file: Loose<string>;
                        };
                    };
                    output: {
                        type: "about:blank";
                        title: string;
                        status: number;
                        detail: string;
                        instance: string;
                        code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                        errors?: {
                            pointer: string;
                            code?: string;
                            detail: string;
                        }[];
                    };
                    outputFormat: "json";
                    status: ProblemStatus;
                };
            }>;
        };
    };
} & {
    backups: {
        ":id": {
            verify: import("hono/client").ClientRequest<string, "/backups/:id/verify", {
                $post: {
                    input: {
                        param: {
                            id: Loose<string>;
                        };
                    };
                    output: {
                        id: string;
                        created_at: string;
                        server: string;
                        tables: {
                            table: string;
                            file: string;
                            rows: number;
                            bytes: number;
                            sha256: string;
                            schema: {
                                type: "record";
                                name: string;
                                doc?: string;
                                aliases?: string[];
                                fields: {
                                    name: string;
                                    type: unknown;
                                    doc?: string;
                                    aliases?: string[];
                                    default?: unknown;
                                }[];
                            };
                            fingerprint: string;
                            checksum: string;
                            auto_increment?: string | number | undefined;
                            invalid_rows?: number | undefined;
                        }[];
                        seal?: string | undefined;
                        proof: {
                            proved_at: string;
                            seconds: number;
                        };
                    };
                    outputFormat: "json";
                    status: 200;
                } | {
                    input: {
                        param: {
                            id: Loose<string>;
                        };
                    };
                    output: {
                        type: "about:blank";
                        title: string;
                        status: number;
                        detail: string;
                        instance: string;
                        code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                        errors?: {
                            pointer: string;
                            code?: string;
                            detail: string;
                        }[];
                    };
                    outputFormat: "json";
                    status: ProblemStatus;
                };
            }>;
        };
    };
} & {
    departments: {
        ":id": import("hono/client").ClientRequest<string, "/departments/:id", {
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: number;
                    department: string;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    docs: {
        ":asset": import("hono/client").ClientRequest<string, "/docs/:asset", {
            $get: {
                input: {
                    param: {
                        asset: Loose<"favicon-32x32.png" | "start.css" | "start.js" | "swagger-ui-bundle.js" | "swagger-ui.css">;
                    };
                };
                output: string;
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        asset: Loose<"favicon-32x32.png" | "start.css" | "start.js" | "swagger-ui-bundle.js" | "swagger-ui.css">;
                    };
                };
                output: ReadableStream<Uint8Array<ArrayBuffer>>;
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        asset: Loose<"favicon-32x32.png" | "start.css" | "start.js" | "swagger-ui-bundle.js" | "swagger-ui.css">;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            } | {
                input: {
                    param: {
                        asset: Loose<"favicon-32x32.png" | "start.css" | "start.js" | "swagger-ui-bundle.js" | "swagger-ui.css">;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    hired_employees: {
        ":id": import("hono/client").ClientRequest<string, "/hired_employees/:id", {
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: number;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    jobs: {
        ":id": import("hono/client").ClientRequest<string, "/jobs/:id", {
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: number;
                    job: string;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    page: {
        assets: {
            ":asset": import("hono/client").ClientRequest<string, "/page/assets/:asset", {
                $get: {
                    input: {
                        param: {
                            asset: Loose<string>;
                        };
                    };
                    output: string;
                    outputFormat: "json";
                    status: 200;
                } | {
                    input: {
                        param: {
                            asset: Loose<string>;
                        };
                    };
                    output: {
                        type: "about:blank";
                        title: string;
                        status: number;
                        detail: string;
                        instance: string;
                        code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                        errors?: {
                            pointer: string;
                            code?: string;
                            detail: string;
                        }[];
                    };
                    outputFormat: "json";
                    status: ProblemStatus;
                };
            }>;
        };
    };
} & {
    rejections: {
        ":id": import("hono/client").ClientRequest<string, "/rejections/:id", {
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: number;
                    run: string;
                    table: string;
                    file?: string | undefined;
                    position: number;
                    raw?: string | undefined;
                    raw_base64?: string | undefined;
                    columns?: string[] | undefined;
                    recipe?: {
                        [x: string]: any;
                    } | undefined;
                    reasons: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string | undefined;
                        detail: string;
                    }[];
                    state: "discarded" | "open" | "replayed" | "superseded";
                    replaces?: number | undefined;
                    created_at: string;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    rejections: {
        discard: import("hono/client").ClientRequest<string, "/rejections/discard", {
            $post: {
                input: {
                    json: {
                        ids: number[];
                    };
                };
                output: {
                    discarded: number;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    json: {
                        ids: number[];
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    rejections: {
        replay: import("hono/client").ClientRequest<string, "/rejections/replay", {
            $post: {
                input: {
                    json: {
                        rows: {
                            id: number;
                            row: unknown;
                        }[];
                    } | {
                        run: string;
                    };
                };
                output: {
                    run: string;
                    received: number;
                    inserted: number;
                    unchanged: number;
                    rejected: number;
                    withheld?: number;
                    rows: {
                        table: "departments" | "hired_employees" | "jobs";
                        index: number;
                        status: "inserted" | "rejected" | "unchanged" | "withheld";
                        id?: number;
                        rejection?: number;
                        reasons?: {
                            code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                            field?: string;
                            detail: string;
                        }[];
                        replaces?: number;
                    }[];
                    notes?: string[];
                    remaining?: number;
                };
                outputFormat: "json";
                status: 200 | 201 | 207;
            } | {
                input: {
                    json: {
                        rows: {
                            id: number;
                            row: unknown;
                        }[];
                    } | {
                        run: string;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                    run: string;
                    received: number;
                    inserted: number;
                    unchanged: number;
                    rejected: number;
                    withheld?: number;
                    rows: {
                        table: "departments" | "hired_employees" | "jobs";
                        index: number;
                        status: "inserted" | "rejected" | "unchanged" | "withheld";
                        id?: number;
                        rejection?: number;
                        reasons?: {
                            code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                            field?: string;
                            detail: string;
                        }[];
                        replaces?: number;
                    }[];
                    notes?: string[];
                    remaining?: number;
                };
                outputFormat: "json";
                status: 422;
            } | {
                input: {
                    json: {
                        rows: {
                            id: number;
                            row: unknown;
                        }[];
                    } | {
                        run: string;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            } | {
                input: {
                    json: {
                        rows: {
                            id: number;
                            row: unknown;
                        }[];
                    } | {
                        run: string;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    runs: {
        ":id": import("hono/client").ClientRequest<string, "/runs/:id", {
            $delete: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: string;
                    kind: "backup" | "import" | "insert" | "replay" | "restore";
                    source: string | null;
                    status: "failed" | "publishing" | "refused" | "running" | "succeeded";
                    dry_run: boolean;
                    counts: {
                        [x: string]: {
                            received: number;
                            inserted: number;
                            unchanged: number;
                            updated: number;
                            deleted: number;
                        } | {
                            received: number;
                            inserted: number;
                            unchanged: number;
                            rejected: number;
                            withheld: number;
                        } | {
                            received: number;
                        };
                    };
                    progress: {
                        table: string;
                        phase: string;
                        rows: number;
                        rejected: number;
                        bytes?: number | undefined;
                        of?: number | undefined;
                        rows_per_s?: number | undefined;
                    } | null;
                    error: string | null;
                    started_at: string;
                    finished_at: string | null;
                };
                outputFormat: "json";
                status: 202;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
            $get: {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    id: string;
                    kind: "backup" | "import" | "insert" | "replay" | "restore";
                    source: string | null;
                    status: "failed" | "publishing" | "refused" | "running" | "succeeded";
                    dry_run: boolean;
                    counts: {
                        [x: string]: {
                            received: number;
                            inserted: number;
                            unchanged: number;
                            updated: number;
                            deleted: number;
                        } | {
                            received: number;
                            inserted: number;
                            unchanged: number;
                            rejected: number;
                            withheld: number;
                        } | {
                            received: number;
                        };
                    };
                    progress: {
                        table: string;
                        phase: string;
                        rows: number;
                        rejected: number;
                        bytes?: number | undefined;
                        of?: number | undefined;
                        rows_per_s?: number | undefined;
                    } | null;
                    error: string | null;
                    started_at: string;
                    finished_at: string | null;
                };
                outputFormat: "json";
                status: 200;
            } | {
                input: {
                    param: {
                        id: Loose<string>;
                    };
                };
                output: {
                    type: "about:blank";
                    title: string;
                    status: number;
                    detail: string;
                    instance: string;
                    code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                    errors?: {
                        pointer: string;
                        code?: string;
                        detail: string;
                    }[];
                };
                outputFormat: "json";
                status: ProblemStatus;
            };
        }>;
    };
} & {
    runs: {
        ":id": {
            events: import("hono/client").ClientRequest<string, "/runs/:id/events", {
                $get: {
                    input: {
                        param: {
                            id: Loose<string>;
                        };
                    };
                    output: {};
                    outputFormat: "json";
                    status: import("hono/utils/http-status").StatusCode;
                } | {
                    input: {
                        param: {
                            id: Loose<string>;
                        };
                    };
                    output: {
                        type: "about:blank";
                        title: string;
                        status: number;
                        detail: string;
                        instance: string;
                        code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                        errors?: {
                            pointer: string;
                            code?: string;
                            detail: string;
                        }[];
                    };
                    outputFormat: "json";
                    status: ProblemStatus;
                };
            }>;
        };
    };
} & {
    index: import("hono/client").ClientRequest<string, "/", {
        $get: {
            input: {};
            output: {};
            outputFormat: "json";
            status: import("hono/utils/http-status").StatusCode;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    backup: import("hono/client").ClientRequest<string, "/backup", {
        $post: {
            input: {
                json: {
                    table: ("departments" | "hired_employees" | "jobs")[];
                    codec?: "deflate" | "null" | "zstandard" | undefined;
                };
            };
            output: {
                id: string;
                created_at: string;
                server: string;
                tables: {
                    table: string;
                    file: string;
                    rows: number;
                    bytes: number;
                    sha256: string;
                    schema: {
                        type: "record";
                        name: string;
                        doc?: string;
                        aliases?: string[];
                        fields: {
                            name: string;
                            type: unknown;
                            doc?: string;
                            aliases?: string[];
                            default?: unknown;
                        }[];
                    };
                    fingerprint: string;
                    checksum: string;
                    auto_increment?: string | number | undefined;
                    invalid_rows?: number | undefined;
                }[];
                seal?: string | undefined;
            };
            outputFormat: "json";
            status: 201;
        } | {
            input: {
                json: {
                    table: ("departments" | "hired_employees" | "jobs")[];
                    codec?: "deflate" | "null" | "zstandard" | undefined;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    backups: import("hono/client").ClientRequest<string, "/backups", {
        $get: {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    cursor?: Loose<string | undefined>;
                };
            };
            output: ({
                id: string;
                damaged: true;
            } | {
                id: string;
                created_at: string;
                server: string;
                tables: {
                    table: string;
                    file: string;
                    rows: number;
                    bytes: number;
                    sha256: string;
                    schema: {
                        type: "record";
                        name: string;
                        doc?: string;
                        aliases?: string[];
                        fields: {
                            name: string;
                            type: unknown;
                            doc?: string;
                            aliases?: string[];
                            default?: unknown;
                        }[];
                    };
                    fingerprint: string;
                    checksum: string;
                    auto_increment?: string | number | undefined;
                    invalid_rows?: number | undefined;
                }[];
                seal?: string | undefined;
                proof?: {
                    proved_at: string;
                    seconds: number;
                } | undefined;
            })[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    cursor?: Loose<string | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    departments: import("hono/client").ClientRequest<string, "/departments", {
        $get: {
            input: {
                query?: {
                    cursor?: string | number;
                    department?: string | number;
                    id?: string | number;
                    limit?: string | number;
                };
            };
            output: {
                id: number;
                department: string;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    cursor?: string | number;
                    department?: string | number;
                    id?: string | number;
                    limit?: string | number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
        $post: {
            input: {
                json: {
                    id?: number | null;
                    department: string;
                }[] | {
                    id?: number | null;
                    department: string;
                };
            };
            output: {
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 200 | 201 | 207;
        } | {
            input: {
                json: {
                    id?: number | null;
                    department: string;
                }[] | {
                    id?: number | null;
                    department: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 422;
        } | {
            input: {
                json: {
                    id?: number | null;
                    department: string;
                }[] | {
                    id?: number | null;
                    department: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        } | {
            input: {
                json: {
                    id?: number | null;
                    department: string;
                }[] | {
                    id?: number | null;
                    department: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    docs: import("hono/client").ClientRequest<string, "/docs", {
        $get: {
            input: {};
            output: {};
            outputFormat: "json";
            status: import("hono/utils/http-status").StatusCode;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    healthz: import("hono/client").ClientRequest<string, "/healthz", {
        $get: {
            input: {};
            output: {
                status: "alive";
            };
            outputFormat: "json";
            status: 200;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    hired_2021_quarter: import("hono/client").ClientRequest<string, "/hired_2021_quarter", {
        $get: {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                department: string;
                job: string;
                Q1: number;
                Q2: number;
                Q3: number;
                Q4: number;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
        $post: {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                department: string;
                job: string;
                Q1: number;
                Q2: number;
                Q3: number;
                Q4: number;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    hired_department: import("hono/client").ClientRequest<string, "/hired_department", {
        $get: {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                id: number;
                department: string;
                hired: number;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
        $post: {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                id: number;
                department: string;
                hired: number;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    year?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    hired_employees: import("hono/client").ClientRequest<string, "/hired_employees", {
        $get: {
            input: {
                query?: {
                    cursor?: string | number;
                    datetime?: string | number;
                    department_id?: string | number;
                    id?: string | number;
                    job_id?: string | number;
                    limit?: string | number;
                    name?: string | number;
                };
            };
            output: {
                id: number;
                name: string;
                datetime: string;
                department_id: number;
                job_id: number;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    cursor?: string | number;
                    datetime?: string | number;
                    department_id?: string | number;
                    id?: string | number;
                    job_id?: string | number;
                    limit?: string | number;
                    name?: string | number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
        $post: {
            input: {
                json: {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                }[] | {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                };
            };
            output: {
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 200 | 201 | 207;
        } | {
            input: {
                json: {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                }[] | {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 422;
        } | {
            input: {
                json: {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                }[] | {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        } | {
            input: {
                json: {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                }[] | {
                    id?: number | null;
                    name: string;
                    datetime: string;
                    department_id: number;
                    job_id: number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    imports: import("hono/client").ClientRequest<string, "/imports", {
        $post: {
            input: {
                query?: {
                    table: Loose<"departments" | "hired_employees" | "jobs">;
                    name?: Loose<string | undefined>;
                    dry_run?: Loose<"false" | "true" | undefined>;
                    max_rejects?: Loose<string | undefined>;
                    columns?: Loose<string | undefined>;
                    comment?: Loose<string | undefined>;
                    datetime?: Loose<string | undefined>;
                    decimal?: Loose<string | undefined>;
                    delimiter?: Loose<string | undefined>;
                    dialect?: Loose<string | undefined>;
                    encoding?: Loose<string | undefined>;
                    escape?: Loose<string | undefined>;
                    format?: Loose<string | undefined>;
                    group?: Loose<string | undefined>;
                    header?: Loose<string | undefined>;
                    ids?: Loose<string | undefined>;
                    ignore?: Loose<string | undefined>;
                    ignore_other_columns?: Loose<string | undefined>;
                    null?: Loose<string | undefined>;
                    quote?: Loose<string | undefined>;
                    sheet?: Loose<string | undefined>;
                    skip?: Loose<string | undefined>;
                    trailing_column?: Loose<string | undefined>;
                    whole_decimals?: Loose<string | undefined>;
                    zone?: Loose<string | undefined>;
                };
                body: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
                type: "text/csv" | "text/tab-separated-values" | "application/x-ndjson" | "application/json" | "application/avro" | "application/zip";
            };
            output: {
                id: string;
                kind: "backup" | "import" | "insert" | "replay" | "restore";
                source: string | null;
                status: "failed" | "publishing" | "refused" | "running" | "succeeded";
                dry_run: boolean;
                counts: {
                    [x: string]: {
                        received: number;
                        inserted: number;
                        unchanged: number;
                        updated: number;
                        deleted: number;
                    } | {
                        received: number;
                        inserted: number;
                        unchanged: number;
                        rejected: number;
                        withheld: number;
                    } | {
                        received: number;
                    };
                };
                progress: {
                    table: string;
                    phase: string;
                    rows: number;
                    rejected: number;
                    bytes?: number | undefined;
                    of?: number | undefined;
                    rows_per_s?: number | undefined;
                } | null;
                error: string | null;
                started_at: string;
                finished_at: string | null;
            };
            outputFormat: "json";
            status: 202;
        } | {
            input: {
                query?: {
                    table: Loose<"departments" | "hired_employees" | "jobs">;
                    name?: Loose<string | undefined>;
                    dry_run?: Loose<"false" | "true" | undefined>;
                    max_rejects?: Loose<string | undefined>;
                    columns?: Loose<string | undefined>;
                    comment?: Loose<string | undefined>;
                    datetime?: Loose<string | undefined>;
                    decimal?: Loose<string | undefined>;
                    delimiter?: Loose<string | undefined>;
                    dialect?: Loose<string | undefined>;
                    encoding?: Loose<string | undefined>;
                    escape?: Loose<string | undefined>;
                    format?: Loose<string | undefined>;
                    group?: Loose<string | undefined>;
                    header?: Loose<string | undefined>;
                    ids?: Loose<string | undefined>;
                    ignore?: Loose<string | undefined>;
                    ignore_other_columns?: Loose<string | undefined>;
                    null?: Loose<string | undefined>;
                    quote?: Loose<string | undefined>;
                    sheet?: Loose<string | undefined>;
                    skip?: Loose<string | undefined>;
                    trailing_column?: Loose<string | undefined>;
                    whole_decimals?: Loose<string | undefined>;
                    zone?: Loose<string | undefined>;
                };
                body: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
                type: "text/csv" | "text/tab-separated-values" | "application/x-ndjson" | "application/json" | "application/avro" | "application/zip";
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    insert: import("hono/client").ClientRequest<string, "/insert", {
        $post: {
            input: {
                json: {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                }[] | {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                };
            };
            output: {
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 200 | 201 | 207;
        } | {
            input: {
                json: {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                }[] | {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 422;
        } | {
            input: {
                json: {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                }[] | {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        } | {
            input: {
                json: {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                }[] | {
                    departments?: ({
                        id?: number | null;
                        department: string;
                    } | {
                        id?: number | null;
                        department?: string;
                    })[];
                    hired_employees?: ({
                        id?: number | null;
                        name: string;
                        datetime: string;
                        department_id: number;
                        job_id: number;
                    } | {
                        id?: number | null;
                        name?: string;
                        datetime?: string;
                        department_id?: number;
                        job_id?: number;
                    })[];
                    jobs?: ({
                        id?: number | null;
                        job?: string;
                    } | {
                        id?: number | null;
                        job: string;
                    })[];
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    inspect: import("hono/client").ClientRequest<string, "/inspect", {
        $post: {
            input: {
                query?: {
                    table?: Loose<"departments" | "hired_employees" | "jobs" | undefined>;
                    name?: Loose<string | undefined>;
                    complete?: Loose<"false" | "true" | undefined>;
                    columns?: Loose<string | undefined>;
                    comment?: Loose<string | undefined>;
                    datetime?: Loose<string | undefined>;
                    decimal?: Loose<string | undefined>;
                    delimiter?: Loose<string | undefined>;
                    dialect?: Loose<string | undefined>;
                    encoding?: Loose<string | undefined>;
                    escape?: Loose<string | undefined>;
                    format?: Loose<string | undefined>;
                    group?: Loose<string | undefined>;
                    header?: Loose<string | undefined>;
                    ids?: Loose<string | undefined>;
                    ignore?: Loose<string | undefined>;
                    ignore_other_columns?: Loose<string | undefined>;
                    null?: Loose<string | undefined>;
                    quote?: Loose<string | undefined>;
                    sheet?: Loose<string | undefined>;
                    skip?: Loose<string | undefined>;
                    trailing_column?: Loose<string | undefined>;
                    whole_decimals?: Loose<string | undefined>;
                    zone?: Loose<string | undefined>;
                };
                body: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
                type: "text/csv" | "text/tab-separated-values" | "application/x-ndjson" | "application/json" | "application/avro" | "application/zip";
            };
            output: {
                name: string;
                table: "departments" | "hired_employees" | "jobs" | null;
                found: {
                    part: string;
                    is: string;
                    evidence: string;
                    doubt?: string | undefined;
                    choices?: string[] | undefined;
                    parameters?: string[] | undefined;
                }[];
                columns: {
                    name: string;
                    column: string | null;
                }[];
                rows: {
                    position: number;
                    status: "inserted" | "rejected" | "unchanged";
                    row?: {
                        [x: string]: any;
                    } | undefined;
                    raw?: string | undefined;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string | undefined;
                        detail: string;
                    }[] | undefined;
                }[];
                counts: {
                    read: number;
                    inserted: number;
                    unchanged: number;
                    rejected: number;
                };
                reasons: {
                    code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                    field?: string | undefined;
                    detail: string;
                    rows: number;
                }[];
                proposed: {
                    [x: string]: any;
                };
                certain: {
                    [x: string]: any;
                };
                flags: string | null;
                parameters: string | null;
                notes: string[];
                error: string | null;
            };
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    table?: Loose<"departments" | "hired_employees" | "jobs" | undefined>;
                    name?: Loose<string | undefined>;
                    complete?: Loose<"false" | "true" | undefined>;
                    columns?: Loose<string | undefined>;
                    comment?: Loose<string | undefined>;
                    datetime?: Loose<string | undefined>;
                    decimal?: Loose<string | undefined>;
                    delimiter?: Loose<string | undefined>;
                    dialect?: Loose<string | undefined>;
                    encoding?: Loose<string | undefined>;
                    escape?: Loose<string | undefined>;
                    format?: Loose<string | undefined>;
                    group?: Loose<string | undefined>;
                    header?: Loose<string | undefined>;
                    ids?: Loose<string | undefined>;
                    ignore?: Loose<string | undefined>;
                    ignore_other_columns?: Loose<string | undefined>;
                    null?: Loose<string | undefined>;
                    quote?: Loose<string | undefined>;
                    sheet?: Loose<string | undefined>;
                    skip?: Loose<string | undefined>;
                    trailing_column?: Loose<string | undefined>;
                    whole_decimals?: Loose<string | undefined>;
                    zone?: Loose<string | undefined>;
                };
                body: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
                type: "text/csv" | "text/tab-separated-values" | "application/x-ndjson" | "application/json" | "application/avro" | "application/zip";
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    jobs: import("hono/client").ClientRequest<string, "/jobs", {
        $get: {
            input: {
                query?: {
                    cursor?: string | number;
                    id?: string | number;
                    job?: string | number;
                    limit?: string | number;
                };
            };
            output: {
                id: number;
                job: string;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    cursor?: string | number;
                    id?: string | number;
                    job?: string | number;
                    limit?: string | number;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
        $post: {
            input: {
                json: {
                    id?: number | null;
                    job: string;
                }[] | {
                    id?: number | null;
                    job: string;
                };
            };
            output: {
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 200 | 201 | 207;
        } | {
            input: {
                json: {
                    id?: number | null;
                    job: string;
                }[] | {
                    id?: number | null;
                    job: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
                run: string;
                received: number;
                inserted: number;
                unchanged: number;
                rejected: number;
                withheld?: number;
                rows: {
                    table: "departments" | "hired_employees" | "jobs";
                    index: number;
                    status: "inserted" | "rejected" | "unchanged" | "withheld";
                    id?: number;
                    rejection?: number;
                    reasons?: {
                        code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                        field?: string;
                        detail: string;
                    }[];
                    replaces?: number;
                }[];
                notes?: string[];
                remaining?: number;
            };
            outputFormat: "json";
            status: 422;
        } | {
            input: {
                json: {
                    id?: number | null;
                    job: string;
                }[] | {
                    id?: number | null;
                    job: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        } | {
            input: {
                json: {
                    id?: number | null;
                    job: string;
                }[] | {
                    id?: number | null;
                    job: string;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    metrics: import("hono/client").ClientRequest<string, "/metrics", {
        $get: {
            input: {};
            output: {};
            outputFormat: "json";
            status: import("hono/utils/http-status").StatusCode;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    "openapi.json": import("hono/client").ClientRequest<string, "/openapi.json", {
        $get: {
            input: {};
            output: {
                openapi: string;
                info: {
                    title: string;
                    version: string;
                };
                paths: {
                    [x: string]: never;
                };
                components: never;
            };
            outputFormat: "json";
            status: 200;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    readyz: import("hono/client").ClientRequest<string, "/readyz", {
        $get: {
            input: {};
            output: {
                status: "ready";
                refused?: {
                    backup?: string | undefined;
                    import?: string | undefined;
                    insert?: string | undefined;
                    migrate?: string | undefined;
                    read?: string | undefined;
                    restore?: string | undefined;
                } | undefined;
            };
            outputFormat: "json";
            status: 200;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    rejections: import("hono/client").ClientRequest<string, "/rejections", {
        $get: {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    cursor?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                    table?: Loose<"departments" | "hired_employees" | "jobs" | undefined>;
                    code?: Loose<"duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type" | undefined>;
                    cause?: Loose<string | undefined>;
                    run?: Loose<string | undefined>;
                    state?: Loose<"discarded" | "open" | "replayed" | "superseded" | undefined>;
                };
            };
            output: {
                id: number;
                run: string;
                table: string;
                file?: string | undefined;
                position: number;
                raw?: string | undefined;
                raw_base64?: string | undefined;
                columns?: string[] | undefined;
                recipe?: {
                    [x: string]: any;
                } | undefined;
                reasons: {
                    code: "duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type";
                    field?: string | undefined;
                    detail: string;
                }[];
                state: "discarded" | "open" | "replayed" | "superseded";
                replaces?: number | undefined;
                created_at: string;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    cursor?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                    table?: Loose<"departments" | "hired_employees" | "jobs" | undefined>;
                    code?: Loose<"duplicate_id" | "duplicate_value" | "invalid_datetime" | "invalid_text" | "malformed_csv" | "missing" | "out_of_range" | "refused_by_database" | "too_long" | "unknown_field" | "unknown_reference" | "wrong_field_count" | "wrong_type" | undefined>;
                    cause?: Loose<string | undefined>;
                    run?: Loose<string | undefined>;
                    state?: Loose<"discarded" | "open" | "replayed" | "superseded" | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    restore: import("hono/client").ClientRequest<string, "/restore", {
        $post: {
            input: {
                json: {
                    table: ("departments" | "hired_employees" | "jobs")[];
                    backup?: string | undefined;
                    plan?: boolean | undefined;
                };
            };
            output: {
                run: string;
                backup: string;
                tables: {
                    departments?: {
                        received: number;
                        inserted: number;
                        updated: number;
                        unchanged: number;
                        deleted: number;
                    } | undefined;
                    hired_employees?: {
                        received: number;
                        inserted: number;
                        updated: number;
                        unchanged: number;
                        deleted: number;
                    } | undefined;
                    jobs?: {
                        received: number;
                        inserted: number;
                        updated: number;
                        unchanged: number;
                        deleted: number;
                    } | undefined;
                };
            };
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                json: {
                    table: ("departments" | "hired_employees" | "jobs")[];
                    backup?: string | undefined;
                    plan?: boolean | undefined;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    runs: import("hono/client").ClientRequest<string, "/runs", {
        $get: {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                    cursor?: Loose<string | undefined>;
                };
            };
            output: {
                id: string;
                kind: "backup" | "import" | "insert" | "replay" | "restore";
                source: string | null;
                status: "failed" | "publishing" | "refused" | "running" | "succeeded";
                dry_run: boolean;
                counts: {
                    [x: string]: {
                        received: number;
                        inserted: number;
                        unchanged: number;
                        updated: number;
                        deleted: number;
                    } | {
                        received: number;
                        inserted: number;
                        unchanged: number;
                        rejected: number;
                        withheld: number;
                    } | {
                        received: number;
                    };
                };
                progress: {
                    table: string;
                    phase: string;
                    rows: number;
                    rejected: number;
                    bytes?: number | undefined;
                    of?: number | undefined;
                    rows_per_s?: number | undefined;
                } | null;
                error: string | null;
                started_at: string;
                finished_at: string | null;
            }[];
            outputFormat: "json";
            status: 200;
        } | {
            input: {
                query?: {
                    limit?: Loose<string | undefined>;
                    spreadsheet?: Loose<"false" | "true" | undefined>;
                    cursor?: Loose<string | undefined>;
                };
            };
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    "sign-in": import("hono/client").ClientRequest<string, "/sign-in", {
        $post: {
            input: {};
            output: {};
            outputFormat: "json";
            status: import("hono/utils/http-status").StatusCode;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
} & {
    "sign-out": import("hono/client").ClientRequest<string, "/sign-out", {
        $post: {
            input: {};
            output: undefined;
            outputFormat: "json";
            status: 303;
        } | {
            input: {};
            output: {
                type: "about:blank";
                title: string;
                status: number;
                detail: string;
                instance: string;
                code?: "backup_damaged" | "conflict" | "interrupted" | "invalid" | "not_found" | "refused" | "too_large" | "unavailable";
                errors?: {
                    pointer: string;
                    code?: string;
                    detail: string;
                }[];
            };
            outputFormat: "json";
            status: ProblemStatus;
        };
    }>;
};
type Loose<Value> = Value | (string extends Value ? number : "true" extends Value ? boolean : never);
type ProblemStatus = 400 | 401 | 403 | 404 | 406 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
export {};
