/** What to do about an error of the server or of TLS, found in its message. */

/**
 * The right that is missing, from a message such as "INSERT command denied to user 'u'@'h' for table `db`.`jobs`". The
 * user's name is left out: the operator has it in DATABASE_URL.
 */
export function missingRight(message: string): string {
  const [, right, place] =
    /^([\w ,]+) command denied to user .* for (?:table|column .* in table) (.+)$/s.exec(message) ?? [];
  if (right && place) {
    // MariaDB writes the database's name before the table's: leave it out.
    const table = place.replaceAll(/[`']/g, "").replace(/^.*\./s, "");
    return `does not let Muster's user ${right} in ${table}: as an administrator GRANT ${right} on it to that user`;
  }
  const needed = /at least one of\) the (.+) privilege/.exec(message)?.[1];
  if (needed) return `does not give Muster's user the privilege ${needed}: as an administrator GRANT it`;
  const database = /to database '([^']+)'/.exec(message)?.[1];
  if (database)
    return `does not let Muster's user into ${database}: as an administrator run GRANT ALL ON ${database}.* TO that user`;
  return "does not give Muster's user a right that it needs: check its grants";
}

/** Why TLS failed, mostly because of the server's certificate, and what to do. @param message OpenSSL's or Node's */
export function whyNoTls(message: string): string {
  if (/does not match/.test(message)) {
    return `its certificate is for another host name (${/altnames?: (.*)$/.exec(message)?.[1] ?? message}): connect by the name that the certificate has`;
  }
  if (/expired/.test(message)) return "its certificate has expired: renew it there";
  if (/not yet valid/.test(message)) return "its certificate is not valid yet: check the clocks of both machines";
  if (/self.signed|issuer|unable to verify|first certificate/i.test(message)) {
    return `its certificate is signed by an authority that is not known here (${message}): give the CA's certificate as ?ssl=FILE in DATABASE_URL`;
  }
  return `TLS failed (${message}): check ?ssl= in DATABASE_URL`;
}
