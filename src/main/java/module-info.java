/** Pools the spare disks of the machines on a LAN into one encrypted folder. */
module holdfast {
  requires com.fasterxml.jackson.core;
  requires holdfast.jnr;
  requires info.picocli;
  requires java.logging;
  requires org.bouncycastle.pkix;
  requires org.bouncycastle.provider;

  // Classes that jnr-ffi generates at run time, in no module, implement these interfaces.
  exports holdfast.client.fuse.binding;

  // picocli sets the fields of commands by reflection.
  opens holdfast.app to
      info.picocli;
}
