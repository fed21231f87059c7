// Makes the replica set and one user a service, each with rights on its own database alone. Safe to repeat.
try {
  rs.status();
} catch (error) {
  rs.initiate({ _id: "linli", members: [{ _id: 0, host: "mongo:27017" }] });
}
while (!db.hello().isWritablePrimary) sleep(200);
for (const name of ["residents", "bookings", "petitions", "notifications"]) {
  const own = db.getSiblingDB(name);
  const pwd = process.env[`LINLI_MONGO_${name.toUpperCase()}`];
  const roles = [{ role: "readWrite", db: name }];
  if (own.getUser(name)) own.updateUser(name, { pwd, roles });
  else own.createUser({ user: name, pwd, roles });
}
