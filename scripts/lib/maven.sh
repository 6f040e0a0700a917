# shellcheck shell=bash
# Java and Maven, and tools that come as jars.

need_maven() {
    have javac || apt_install openjdk-17-jdk-headless
    need_command mvn maven
}

make_jars() {
    local coordinates=$1 place=$2
    cat >"$place/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.tandem.tools</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>${coordinates%%:*}</groupId>
      <artifactId>$(cut -d: -f2 <<<"$coordinates")</artifactId>
      <version>${coordinates##*:}</version>
    </dependency>
  </dependencies>
</project>
XML
    mvn -q -B -f "$place/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DoutputDirectory="$place/lib" </dev/null >&2
}

# jars GROUP:NAME:VERSION: fetches a tool and all it needs, prints the folder of its jars.
jars() {
    local name
    name=jars/$(cut -d: -f2 <<<"$1")
    cached "$name" "$1" make_jars "$1" || die "could not fetch $1: is the Maven repository reachable?"
    printf '%s\n' "$CACHE/$name/lib"
}
